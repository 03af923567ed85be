/* USART of the STM32F1, F2, F4 and L1: registers SR, DR, BRR, CR1 (RM0390 chapter 25.6). Twin of
 * boards/uarts/stm32_usart.py. */
#include "board.h"
#include "cortex_m.h"
#include "stm32_pins.h"
#include "uart.h"

#define USART_SR REGISTER(BOARD_UART_BASE + 0x00) /* 25.6.1 */
#define USART_DR REGISTER(BOARD_UART_BASE + 0x04)
#define USART_BRR REGISTER(BOARD_UART_BASE + 0x08)
#define USART_CR1 REGISTER(BOARD_UART_BASE + 0x0C)

#define SR_ORE BIT(3)
#define SR_RXNE BIT(5)
#define SR_TXE BIT(7)
#define CR1_RE BIT(2)
#define CR1_TE BIT(3)
#define CR1_RXNEIE BIT(5) /* RXNE and ORE */
#define CR1_UE BIT(13)

void uart_driver_start(uint32_t divisor)
{
    pins_start();
    USART_BRR = divisor;
    USART_CR1 = CR1_UE | CR1_TE | CR1_RE | CR1_RXNEIE;
    nvic_enable(BOARD_UART_INTERRUPT);
}

bool uart_driver_ready(void)
{
    return (USART_SR & SR_TXE) != 0;
}

void uart_driver_put(uint8_t byte)
{
    USART_DR = byte;
}

void uart_interrupt(void)
{
    uint32_t status = USART_SR;
    if (status & (SR_RXNE | SR_ORE)) {
        uint8_t byte = (uint8_t)USART_DR; /* SR then DR clears RXNE and ORE, 25.6.1 */
        if (status & SR_RXNE) {
            uart_received(byte);
        }
        if (status & SR_ORE) {
            uart_overran();
        }
    }
}
