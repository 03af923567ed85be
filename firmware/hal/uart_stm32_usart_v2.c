/* USART and LPUART with registers ISR, ICR, RDR and TDR (RM0385 chapter 31.8), FIFOs off. Twin of
 * boards/uarts/stm32_usart_v2.py. Never run on hardware. */
#include "board.h"
#include "cortex_m.h"
#include "stm32_pins.h"
#include "uart.h"

#define USART_CR1 REGISTER(BOARD_UART_BASE + 0x00) /* 31.8.1 */
#define USART_BRR REGISTER(BOARD_UART_BASE + 0x0C) /* 31.8.4 */
#define USART_ISR REGISTER(BOARD_UART_BASE + 0x1C) /* 31.8.8 */
#define USART_ICR REGISTER(BOARD_UART_BASE + 0x20) /* 31.8.9 */
#define USART_RDR REGISTER(BOARD_UART_BASE + 0x24) /* 31.8.10 */
#define USART_TDR REGISTER(BOARD_UART_BASE + 0x28) /* 31.8.11 */

#define CR1_UE BIT(0)
#define CR1_RE BIT(2)
#define CR1_TE BIT(3)
#define CR1_RXNEIE BIT(5) /* RXNE and ORE */
#define ISR_ORE BIT(3)
#define ISR_RXNE BIT(5)
#define ISR_TXE BIT(7)
#define ICR_ORECF BIT(3)

void uart_driver_start(uint32_t divisor)
{
    pins_start();
    USART_BRR = divisor; /* which it takes while it is off */
    USART_CR1 = CR1_UE;
    USART_CR1 = CR1_UE | CR1_TE | CR1_RE | CR1_RXNEIE;
    nvic_enable(BOARD_UART_INTERRUPT);
}

bool uart_driver_ready(void)
{
    return (USART_ISR & ISR_TXE) != 0;
}

void uart_driver_put(uint8_t byte)
{
    USART_TDR = byte;
}

void uart_interrupt(void)
{
    uint32_t status = USART_ISR;
    if (status & ISR_RXNE) {
        uart_received((uint8_t)USART_RDR); /* reading clears RXNE */
    }
    if (status & ISR_ORE) {
        USART_ICR = ICR_ORECF; /* reading does not clear ORE, which would interrupt for ever */
        uart_overran();
    }
}
